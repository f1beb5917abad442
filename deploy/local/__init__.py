"""Everything `rapidflow up` needs on one machine: embedded servers and their supervision."""
