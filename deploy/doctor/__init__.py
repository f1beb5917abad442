"""What `rapidflow doctor` looks at, one module per neighbour."""
