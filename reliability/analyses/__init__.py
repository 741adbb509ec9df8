"""The questions one can ask of a lake, one module each; the faces only print and draw the answers."""
