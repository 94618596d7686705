"""What is wrong with a destination, who can mend it, and how."""
