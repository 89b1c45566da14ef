"""Security: Reveal, the one place that opens secrets, and Egress, the one way out."""
