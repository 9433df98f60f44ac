// A precompiled header belongs to a target that has a file to compile.
