//===- LoaderTest.cpp - Object files, damaged and whole ------------*- C++ -*-===//

#include "runtime/artifact/ObjectLoader.h"
#include "test/runtime/Fixture.h"

#include <cstring>
#include <elf.h>
#include <gtest/gtest.h>

using namespace attn;
using namespace attn::rt;
using namespace attn::test;

namespace {

TEST(Loader, FindsGlobalFunctionsOnly) {
  std::shared_ptr<const CodeImage> image;
  std::string object = kernelObject();
  ASSERT_FALSE(CodeImage::load(object, image));
  EXPECT_NE(image->find("attend_prefill"), nullptr);
  EXPECT_NE(image->find("attend_decode"), nullptr);
  EXPECT_EQ(image->find("row_of"), nullptr);
  EXPECT_EQ(image->find(""), nullptr);
}

TEST(Loader, RelocationsReachConstantsAndTables) {
  std::shared_ptr<const CodeImage> image;
  std::string object = readFile(ATTN_TEST_OBJECTS "/Tables.o");
  Status status = CodeImage::load(object, image);
  ASSERT_FALSE(status) << status.message;
  auto function = reinterpret_cast<int (*)(int)>(const_cast<void *>(image->find("through_table")));
  ASSERT_NE(function, nullptr);
  EXPECT_EQ(function(0), 11);
  EXPECT_EQ(function(1), 23);
  EXPECT_EQ(function(2), 37);
}

TEST(Loader, RefusesWhatKernelsMayNotHave) {
  std::pair<const char *, const char *> cases[] = {
      {"Undefined.o", "object code: symbol 'somewhere_else' is not defined in the object"},
      {"Writable.o", "object code: writable data"},
      {"ThreadLocal.o", "object code: thread-local data"},
      {"Empty.o", "object code: no code"}};
  for (auto &[file, message] : cases) {
    std::shared_ptr<const CodeImage> image;
    Status status = CodeImage::load(readFile(std::string(ATTN_TEST_OBJECTS "/") + file), image);
    EXPECT_EQ(status.code, ATTN_ERR_ARTIFACT) << file;
    EXPECT_EQ(status.message, message) << file;
  }
}

TEST(Loader, EveryTruncationIsHandled) {
  std::string object = kernelObject();
  std::shared_ptr<const CodeImage> image;
  for (size_t size = 0; size < object.size(); ++size) {
    std::string cut(object.data(), size); // Its own allocation, so that a sanitizer sees reads past the end.
    ASSERT_TRUE(CodeImage::load(cut, image)) << size;
  }
}

TEST(Loader, EveryFlippedByteIsHandled) { // An error or another program; never a crash of the loader.
  std::string object = kernelObject();
  std::shared_ptr<const CodeImage> image;
  int refused = 0;
  for (size_t i = 0; i < object.size(); ++i)
    for (char flip : {char(0x01), char(0x80), char(0xff)}) {
      object[i] ^= flip;
      refused += bool(CodeImage::load(object, image));
      object[i] ^= flip;
    }
  EXPECT_GT(refused, 100);
}

TEST(Loader, HeaderOfAnotherMachine) {
  std::string object = kernelObject();
  Elf64_Half arm = EM_AARCH64;
  std::memcpy(&object[offsetof(Elf64_Ehdr, e_machine)], &arm, sizeof(arm));
  std::shared_ptr<const CodeImage> image;
  EXPECT_EQ(CodeImage::load(object, image).message, "object code: not a relocatable object for x86-64");
}

} // namespace
