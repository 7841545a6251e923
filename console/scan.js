// The camera, where the browser can read QR codes itself; elsewhere people type the code, or use the phone's own camera app.
import { h } from "./dom.js";
import { t } from "./texts.js";
import { dialog } from "./forms.js";

const EVERY_MS = 120;

export async function canScan() {
    if (!("BarcodeDetector" in window) || !navigator.mediaDevices?.getUserMedia) return false;
    const formats = await window.BarcodeDetector.getSupportedFormats().catch(() => []);
    return formats.includes("qr_code");
}

async function watch(video, accept, signal) {
    const detector = new window.BarcodeDetector({ formats: ["qr_code"] });
    while (!signal.aborted) {
        await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
        if (signal.aborted || video.readyState < 2) continue;
        const found = await detector.detect(video).catch(() => []);
        for (const { rawValue } of found) if (!signal.aborted && accept(rawValue)) return;
    }
}

// accept(text): true when that was it. Resolves when the dialog is closed; throws when there is no camera to use.
export async function scan(accept) {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } }, audio: false });
    const stopped = new AbortController();
    const video = h("video", { class: "viewfinder", autoplay: true, muted: true, playsinline: true, srcObject: stream, "aria-label": t("install.scan.view") });
    video.muted = true;
    const said = h("p", { class: "muted", role: "status" }, t("install.scan.text"));
    await new Promise((resolve) => {
        const { close } = dialog({ title: t("install.scan"), body: h("div", { class: "stack" }, video, said), onClose: resolve });
        const take = (text) => {
            const problem = accept(text);
            if (typeof problem === "string") said.textContent = problem;
            if (problem === true) close();
            return problem === true;
        };
        void video.play().catch(() => {});
        void watch(video, take, stopped.signal);
    });
    stopped.abort();
    for (const track of stream.getTracks()) track.stop();
}
