"""What the words of logs mean: Xids, kernel lines, administrators' reasons, in the terms of the lake."""
