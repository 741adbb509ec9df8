"""What the loss of a part takes down, what it degrades and by how much, on any fabric."""
