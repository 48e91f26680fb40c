# A text file as a C array of its bytes and a final zero: embed.cmake -D INPUT= -D OUTPUT= -D NAME=
file(READ ${INPUT} bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE ${OUTPUT} "// ${NAME}, made of its file by tools/embed.cmake\nstatic const char ${NAME}[] = {${bytes}0};\n")
