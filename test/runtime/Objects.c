/* Small objects for LoaderTest.cpp, one per macro. */
#if defined(TABLES)
static int one(int x) { return 10 + x; }
static int two(int x) { return 20 + x; }
static int three(int x) { return 30 + x; }
/* Pointers in constant data (.data.rel.ro, R_X86_64_64) and a constant array (.rodata). */
static int (*const functions[3])(int) = {one, two, three};
static const int addends[3] = {1, 3, 7};
int through_table(int i) {
  volatile int index = i;
  return functions[index](addends[index]);
}
#elif defined(UNDEFINED)
int somewhere_else(int);
__attribute__((visibility("hidden"))) int somewhere_else(int);
int calls(int x) { return somewhere_else(x) + 1; }
#elif defined(WRITABLE)
static int counter = 3;
int counts(int x) { return counter += x; }
#elif defined(THREADLOCAL)
static _Thread_local const volatile int seed = 3;
int reads(void) { return seed; }
#else
const int nothing = 1;
#endif
