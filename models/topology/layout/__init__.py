"""Where the parts of a fabric stand in its picture."""
