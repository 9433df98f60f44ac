// The program that tests/support/precompiled.h is compiled for; it is never run.
int main() {}
