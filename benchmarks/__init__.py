"""What goldpan costs, each number a ratio to a rival that runs in turn with it; see __main__."""
