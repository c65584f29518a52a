// Fences. Memory is in order here, so most have nothing to do; those between proxies are checked.
#include "runtime/device/emulator/Cta.h"
#include "runtime/device/emulator/Lanes.h"

namespace attn::emu {
namespace {

Step nothing(Warp &, const Instr &, Lanes) { return Step::Next; }

/// Makes the mbarriers that these lanes have initialised visible to the async proxy.
void fenceMbarriers(Warp &w, Lanes lanes) {
  for (auto &[address, m] : w.cta->mbarriers)
    if (m.initThread / 32 == w.index && lanes >> (m.initThread % 32) & 1)
      m.fenced = true;
}

Step proxyFence(Warp &w, const Instr &, Lanes lanes) {
  for (Lanes rest = lanes; rest; rest &= rest - 1)
    w.cta->shared.proxyFence(w.lane(__builtin_ctz(rest)).thread());
  fenceMbarriers(w, lanes);
  return Step::Next;
}

Step mbarrierFence(Warp &w, const Instr &, Lanes lanes) {
  fenceMbarriers(w, lanes);
  return Step::Next;
}

} // namespace

void addFenceForms(FormTable &t) {
  for (const char *name : {"membar.cta", "membar.gl", "membar.sys", "griddepcontrol.wait",
                           "griddepcontrol.launch_dependents", "fence.proxy.async.global", "fence.proxy.alias"})
    t.add(name, "", nothing);
  for (const char *semantics : {"sc", "acq_rel", "acquire", "release"})
    for (const char *scope : {"cta", "cluster", "gpu", "sys"})
      t.add(std::string("fence.") + semantics + "." + scope, "", nothing);
  for (const char *name : {"fence.proxy.async", "fence.proxy.async.shared::cta", "fence.proxy.async.shared::cluster"})
    t.add(name, "", proxyFence);
  t.add("fence.mbarrier_init.release.cluster", "", mbarrierFence);
}

} // namespace attn::emu
