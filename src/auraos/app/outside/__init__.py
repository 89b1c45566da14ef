"""The ways out of a process, and what code is carried out in, made when a step first wants them."""
