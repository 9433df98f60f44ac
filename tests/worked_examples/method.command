section: A method
files: 2
tests: ^(plain/plain|methods/row)_test$
command: script/new_method plain
