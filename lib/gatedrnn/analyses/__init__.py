"""From runs to the tables, numbers and sentences of a chapter, one module a chapter."""
