//===- ArtifactTest.cpp - Artifacts, damaged and whole -------------*- C++ -*-===//

#include "runtime/artifact/Format.h"
#include "runtime/artifact/Manifest.h"
#include "test/runtime/Fixture.h"

#include <gtest/gtest.h>

using namespace attn;
using namespace attn::test;

namespace {

int32_t open(const std::string &bytes) {
  Artifact artifact;
  return attn_artifact_open_bytes(bytes.data(), bytes.size(), out(artifact));
}

TEST(Sha256, KnownDigests) { // FIPS 180-4 examples
  EXPECT_EQ(rt::sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(rt::sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(rt::sha256Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(rt::sha256Hex(std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Artifact, Introspection) {
  Artifact artifact =
      openArtifact({{R"("layout":"contiguous")", R"("layout":"sink_ring","sink":"sink","ring":"recent")"}});
  EXPECT_EQ(attn_artifact_entry_count(artifact.get()), 1);
  EXPECT_STREQ(attn_artifact_entry_name(artifact.get(), 0), "attend");
  EXPECT_EQ(attn_artifact_entry_name(artifact.get(), 1), nullptr);
  EXPECT_EQ(attn_artifact_positions(artifact.get()), ATTN_POSITIONS_BOTTOM_RIGHT);
  size_t size;
  EXPECT_STREQ(attn_artifact_spec(artifact.get(), &size), R"({"attn":1})");
  EXPECT_EQ(size, 10u);
  EXPECT_EQ(attn_artifact_manifest(artifact.get(), nullptr)[0], '{');

  std::vector<std::string> names;
  auto info = init<attn_argument_info>();
  for (int64_t i = 0; attn_artifact_argument(artifact.get(), nullptr, i, &info) == ATTN_OK; ++i)
    names.push_back(std::string(info.name) + ":" + std::to_string(info.role));
  EXPECT_EQ(names, (std::vector<std::string>{"q:1", "k:2", "v:3", "out:4", "lse:5", "doc:6"}));
  EXPECT_STREQ(attn_last_error(), "index of an argument must be from 0 to 5, got 6");
  EXPECT_EQ(info.rank, 2);
  EXPECT_EQ(info.domain, ATTN_DOMAIN_SORTED);
  EXPECT_STREQ(info.shape[1], "kv_len");
  ASSERT_EQ(attn_artifact_argument(artifact.get(), "attend", 1, &info), ATTN_OK);
  EXPECT_STREQ(info.sink_param, "sink");
  EXPECT_STREQ(info.ring_param, "recent");

  auto param = init<attn_param_info>();
  ASSERT_EQ(attn_artifact_param(artifact.get(), 1, &param), ATTN_OK);
  EXPECT_STREQ(param.name, "scale");
  EXPECT_EQ(param.dtype, ATTN_F32);
  EXPECT_FLOAT_EQ(float(param.float_default), 0.35355339f);
  auto variant = init<attn_variant_info>();
  ASSERT_EQ(attn_artifact_variant(artifact.get(), nullptr, 0, &variant), ATTN_OK);
  EXPECT_EQ(variant.d, 8);
  EXPECT_EQ(variant.usable, 1);
  EXPECT_EQ(attn_artifact_variant(artifact.get(), "decode", 0, &variant), ATTN_ERR_NO_ENTRY);
  EXPECT_STREQ(attn_last_error(), "there is no entry point 'decode'; there is: 'attend'");
}

TEST(Artifact, OlderAndNewerStructs) {
  Artifact artifact = openArtifact();
  struct {
    attn_param_info info = init<attn_param_info>();
    int64_t later = 0;
  } newer;
  newer.info.struct_size = sizeof(newer);
  EXPECT_EQ(attn_artifact_param(artifact.get(), 0, &newer.info), ATTN_OK);
  newer.later = 1;
  EXPECT_EQ(attn_artifact_param(artifact.get(), 0, &newer.info), ATTN_ERR_INVALID_ARGUMENT);
  auto older = init<attn_param_info>();
  older.struct_size = offsetof(attn_param_info, has_default);
  older.has_default = 77;
  EXPECT_EQ(attn_artifact_param(artifact.get(), 0, &older), ATTN_OK);
  EXPECT_STREQ(older.name, "window");
  EXPECT_EQ(older.has_default, 77) << "written past the caller's struct";
}

TEST(Artifact, EveryTruncationIsRefused) {
  std::string bytes = artifactBytes();
  for (size_t size = 0; size < bytes.size(); ++size)
    ASSERT_EQ(open(bytes.substr(0, size)), ATTN_ERR_ARTIFACT) << size;
  EXPECT_EQ(open(bytes + '\0'), ATTN_ERR_ARTIFACT);
  EXPECT_EQ(open(bytes), ATTN_OK);
}

TEST(Artifact, EveryFlippedByteIsRefused) {
  std::string bytes = artifactBytes();
  for (size_t i = 0; i < bytes.size(); ++i)
    for (char flip : {char(0x01), char(0x80)}) {
      bytes[i] ^= flip;
      ASSERT_EQ(open(bytes), ATTN_ERR_ARTIFACT) << i;
      bytes[i] ^= flip;
    }
}

TEST(Artifact, WrongManifestsNeverCrash) { // with a right checksum
  std::string object = kernelObject(), manifest = manifestText(object);
  int refused = 0;
  for (size_t i = 0; i < manifest.size(); ++i)
    for (char c : {'9', '-', '"', '}', '\xc3'}) {
      std::string changed = manifest;
      changed[i] = c;
      refused += open(rt::assembleArtifact(changed, {object})) != ATTN_OK;
    }
  EXPECT_GT(refused, int(manifest.size()) * 2);
}

struct WrongManifest {
  std::string from, to;
  int32_t code;
  std::string message;
};

TEST(Artifact, ManifestErrorsNameThePlace) {
  const WrongManifest cases[] = {
      {R"("attn_artifact": 1)", R"("attn_artifact": 2)", ATTN_ERR_ARTIFACT_VERSION,
       "manifest /attn_artifact: expected 1, got 2"},
      {R"("kernel_abi": 3)", R"("kernel_abi": 9)", ATTN_ERR_ARTIFACT_VERSION,
       "manifest /kernel_abi: expected 3, got 9"},
      {R"("kernel_abi": 3, )", "", ATTN_ERR_ARTIFACT, "manifest /kernel_abi: expected a value, got nothing"},
      {R"("bottom_right")", R"("middle")", ATTN_ERR_ARTIFACT,
       R"(manifest /positions: expected "bottom_right", "top_left", "tensor" or null, got "middle")"},
      {R"("name":"scale","type":"f32")", R"("name":"window","type":"f32")", ATTN_ERR_ARTIFACT,
       R"(manifest /params/1/name: expected a name that is not used before, got "window")"},
      {R"("default":1000000)", R"("default":1.5)", ATTN_ERR_ARTIFACT,
       "manifest /params/0/default: expected an integer from -2147483647 to 2147483647, got 1.5"},
      {R"("shape":["batch","kv_len"])", R"("shape":["batch","scale"])", ATTN_ERR_ARTIFACT,
       R"(manifest /operands/0/shape/1: expected the name of an i64 param, got "scale")"},
      {R"("dtype":"i32","domain")", R"("dtype":"i33","domain")", ATTN_ERR_ARTIFACT,
       R"(manifest /operands/0/dtype: expected a dtype, got "i33")"},
      {R"("name":"doc","shape")", R"("name":"q","shape")", ATTN_ERR_ARTIFACT,
       R"(manifest /entries/0/inputs/0/name: expected a name that is not used before, got "q")"},
      {R"("role":"key")", R"("role":"out")", ATTN_ERR_ARTIFACT_VERSION,
       R"(manifest /entries/0/inputs/1/role: expected "query", "key" or "value", got "out")"},
      {R"("code":0,"scratch":40)", R"("code":1,"scratch":40)", ATTN_ERR_ARTIFACT,
       "manifest /entries/0/variants/0/steps/0/forms/1/code: expected an integer from 0 to 0, got 1"},
      {R"("rows":96)", R"("rows":0)", ATTN_ERR_ARTIFACT,
       "manifest /entries/0/variants/0/steps/0/forms/0/rows: expected an integer from 1 to 65536, got 0"},
      {R"("splits":false)", R"("splits":true)", ATTN_ERR_ARTIFACT_VERSION,
       "manifest /entries/0/variants/0/steps/0/forms/0/splits: expected false (this runtime does not split keys), got "
       "true"},
      {R"("code":0,"scratch":32)", R"("code":0,"scratch":32,"grid":{"inner":[4],"dilations":[1,1],"rows":[8,8]})",
       ATTN_ERR_ARTIFACT,
       "manifest /entries/0/variants/0/steps/0/forms/0/grid: expected axes whose rows multiply to those of the form, "
       "got "
       R"({"inner":[4],"dilations":[1,1],"rows":[8,8]})"},
      {R"("code":0,"scratch":32)", R"("code":0,"scratch":32,"grid":{"inner":[4,4],"dilations":[1,1],"rows":[8,12]})",
       ATTN_ERR_ARTIFACT,
       "manifest /entries/0/variants/0/steps/0/forms/0/grid: expected one to three axes, with as many dilations and "
       "rows, "
       R"(and one size less, got {"inner":[4,4],"dilations":[1,1],"rows":[8,12]})"},
      {R"("code":0,"scratch":32)", R"("code":0,"scratch":32,"grid":{"inner":[0],"dilations":[1,1],"rows":[8,12]})",
       ATTN_ERR_ARTIFACT,
       "manifest /entries/0/variants/0/steps/0/forms/0/grid/inner/0: expected an integer from 1 to 2147483647, got 0"},
      {R"("code":0,"scratch":32)",
       R"("code":0,"scratch":32,"grid":{"inner":["scale"],"dilations":[1,1],"rows":[8,12]})", ATTN_ERR_ARTIFACT,
       "manifest /entries/0/variants/0/steps/0/forms/0/grid/inner/0: expected the name of an i64 param, got "
       R"("scale")"},
      {R"({"name":"lse","kind":"view","dtype":"f32"})", R"({"name":"lse","kind":"view","dtype":"f16"})",
       ATTN_ERR_ARTIFACT,
       "manifest /entries/0/variants/0/steps/0/forms/0/arguments/4: expected a view of dtype f32 and dim 0, got "
       R"({"name":"lse","kind":"view","dtype":"f16"})"},
      {R"({"name":"v","kind":"view")", R"({"name":"w","kind":"view")", ATTN_ERR_ARTIFACT,
       R"(manifest /entries/0/variants/0/steps/0/forms/0/arguments/2/name: expected an input, an output or a temporary )"
       R"((%...), got "w")"},
      {R"("name": "documents")", R"("name": )" + std::string(200, '[') + std::string(200, ']'), ATTN_ERR_ARTIFACT,
       "manifest: nested deeper than 96"},
  };
  for (const WrongManifest &c : cases) {
    std::string bytes = artifactBytes({{c.from, c.to}});
    EXPECT_EQ(open(bytes), c.code) << c.to;
    EXPECT_EQ(attn_last_error(), c.message);
  }
}

TEST(Artifact, FileErrors) {
  Artifact artifact;
  EXPECT_EQ(attn_artifact_open("/nonexistent/x.attn", out(artifact)), ATTN_ERR_IO);
  EXPECT_STREQ(attn_last_error(), "cannot open '/nonexistent/x.attn': No such file or directory");
  EXPECT_EQ(attn_artifact_open(ATTN_TEST_KERNEL, out(artifact)), ATTN_ERR_ARTIFACT);
  EXPECT_EQ(std::string(attn_last_error()),
            "'" ATTN_TEST_KERNEL "': not an attn artifact: it does not begin with ATTNART1");
  EXPECT_EQ(attn_artifact_open("/", out(artifact)), ATTN_ERR_IO);
  EXPECT_EQ(attn_artifact_open(nullptr, out(artifact)), ATTN_ERR_INVALID_ARGUMENT);
}

} // namespace
