"""The kinds of numbers that compare hands to both rooms, and the arithmetics that are made of them."""
