"""Data sets and made-up tasks: one module each, with loader or generator, baseline and metric."""
