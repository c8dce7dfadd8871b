"""The experiments of the book: a package for each chapter, named like its notebook."""
