# Each line of a numbered step as a string of C.
s/["\\]/\\&/g
s/.*/"&\\n"/
