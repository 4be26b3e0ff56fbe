//! Nothing: the examples stand beside this file, each with a folder of its own.
