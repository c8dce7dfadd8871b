"""What several experiments need and what needs both the cells and the evidence."""
