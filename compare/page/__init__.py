"""`Report.page`: the steps of the real backward pass, the textbook beside the graph."""
