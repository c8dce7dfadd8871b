"""The machinery of the book: executes chapters, stages them and builds the site."""
