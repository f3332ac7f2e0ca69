"""Running searches: slices of strategies on workers or a cluster, and replaying what they found."""
