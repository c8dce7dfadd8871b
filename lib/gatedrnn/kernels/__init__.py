"""Kernels: a recurrent cell over a whole sequence, forward and backward."""
