# A line of text as a string of C.
s/[\\"]/\\&/g
s/^/"/
s/$/\\n"/
