VERSION = "0.2.0"  # of metaxbar; tools/check_version.sh compares it with CMakeLists.txt
