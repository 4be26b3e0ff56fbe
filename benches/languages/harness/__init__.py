"""What sets the languages beside each other."""
