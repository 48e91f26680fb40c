VERSION = "0.1.0"  # of metaxbar; a test compares it with CMakeLists.txt
