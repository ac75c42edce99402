/* fake_library.c - stands for a library of CUDA's of which only the name matters. */
extern const int tg_fake_library;
const int tg_fake_library = 1;
