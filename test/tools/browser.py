"""A headless Chromium, driven over its debugging pipe (null-terminated JSON on file descriptors 3 and 4)."""

import json
import os
import select
import shutil
import subprocess
import time

PROGRAM = shutil.which("chromium-headless-shell") or shutil.which("chromium")


class Browser:
    """One page. `events` keeps what the browser reported: requests, exceptions, log entries."""

    def __init__(self, profile, timeout: float = 60):
        self.timeout, self.count, self.buffer, self.session, self.events = timeout, 0, b"", None, []
        to_browser, self.output = os.pipe()
        self.input, from_browser = os.pipe()
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe",
                 "--no-first-run", f"--user-data-dir={profile}", "--window-size=1200,1000"]  # fmt: skip
        shell = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
        self.process = subprocess.Popen(["bash", "-c", shell, "browser", PROGRAM, *flags],
                                        pass_fds=(to_browser, from_browser), stderr=subprocess.DEVNULL)  # fmt: skip
        os.close(to_browser), os.close(from_browser)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def read(self) -> dict:
        end = time.monotonic() + self.timeout
        while b"\0" not in self.buffer:
            if not select.select([self.input], [], [], max(end - time.monotonic(), 0))[0]:
                raise TimeoutError("the browser does not answer")
            data = os.read(self.input, 1 << 16)
            if not data:
                raise EOFError("the browser has ended")
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method: str, **params) -> dict:
        self.count += 1
        message = {"id": self.count, "method": method, "params": params}
        os.write(self.output, json.dumps(message | ({"sessionId": self.session} if self.session else {})).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.count:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def open(self, url: str) -> None:
        for step in ("about:blank", url):  # a change of the hash alone would not load the page again
            self.events.clear()
            self.call("Page.navigate", url=step)
            while not self.reported("Page.loadEventFired"):
                self.events.append(self.read())

    def value(self, expression: str):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def press(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode={"ArrowRight": 39, "Home": 36}[key])

    def move(self, x: float, y: float) -> None:
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def reported(self, method: str) -> list[dict]:
        return [event["params"] for event in self.events if event["method"] == method]

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()
        os.close(self.input), os.close(self.output)
