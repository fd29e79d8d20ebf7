"""What will be left of a picture, said before any of it is compressed."""
