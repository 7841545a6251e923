// The installer's page with a camera that shows what the test recorded, and a BarcodeDetector, which Debian's Chromium has not, that asks zbarimg.
import {execFile} from 'node:child_process'
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {PHONE, accessible, check, say, withBrowser, world} from './lib.mjs'
import {go, signIn} from './steps.mjs'

const test = (page, name) => page.locator(`[data-test="${name}"]`)
const folder = mkdtempSync(join(tmpdir(), 'vouch-camera-'))
const other = 'That is no code of a device that waits.'
let pictures = 0

// What zbarimg finds on a picture; null: nothing.
function decode(picture) {
  const path = join(folder, `${pictures++}.png`)
  writeFileSync(path, Buffer.from(picture.split(',')[1], 'base64'))
  return new Promise(resolve => execFile('zbarimg', ['-q', '--raw', '-Sdisable', '-Sqr.enable', path], (error, out) => resolve(error ? null : out.trim())))
}

// In the page: frames of its own video, and the streams that it opened.
function detector() {
  globalThis.streams = []
  const opened = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
  navigator.mediaDevices.getUserMedia = async wanted => {
    const stream = await opened(wanted)
    globalThis.streams.push(stream)
    return stream
  }
  globalThis.BarcodeDetector = class {
    static async getSupportedFormats() { return ['qr_code'] }
    async detect(video) {
      const canvas = Object.assign(document.createElement('canvas'), {width: video.videoWidth, height: video.videoHeight})
      canvas.getContext('2d').drawImage(video, 0, 0)
      const rawValue = await globalThis.zbarimg(canvas.toDataURL('image/png'))
      return rawValue ? [{rawValue, format: 'qr_code'}] : []
    }
  }
}

async function phone(open, scans = true) {
  const {context, page} = await open({viewport: PHONE, isMobile: true, hasTouch: true})
  if (scans) {
    await context.exposeFunction('zbarimg', decode)
    await context.addInitScript(detector)
  }
  await signIn(page, {to: '/install'})
  return page
}

const scan = page => page.getByRole('button', {name: 'Scan the code'})
const live = page => page.evaluate(() => globalThis.streams.flatMap(stream => stream.getTracks()).filter(track => track.readyState === 'live').length)
const used = page => page.evaluate(() => globalThis.streams.length)
const camera = video => ['--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', `--use-file-for-fake-video-capture=${video}`]

async function typed(page) {
  await test(page, 'install-code').fill(world.code)
  await page.keyboard.press('Enter')
  await page.locator('main').getByText(world.serial).first().waitFor()
  check(!(await page.locator('main').innerText()).includes('The device shows the same'), 'nothing was compared')
  await page.getByText('Compare it with the device').waitFor()
}

// A code of something else, then the device's: both are in front of the camera by turns.
async function scanned(open) {
  const page = await phone(open)
  await scan(page).click()
  await page.locator('dialog video').waitFor()
  await page.locator('dialog [role=status]').getByText(other).waitFor()
  check(await live(page) === 1, 'the camera is on')
  await accessible(page, 'install-scan')
  await page.locator('main').getByText(world.serial).first().waitFor()
  await page.getByText('The device shows the same.').waitFor()
  await page.getByText('The device sees this server').waitFor()
  check(await page.locator('dialog').count() === 0 && await used(page) === 1 && await live(page) === 0, 'the camera is off')
  check(!page.url().includes(world.code), 'no code stays in the address')
  // Closed by hand, by key and by leaving: off each time.
  await go(page, '/install')
  await scan(page).click()
  await page.locator('dialog video').waitFor()
  await page.keyboard.press('Escape')
  await page.locator('dialog').waitFor({state: 'detached'})
  check(await live(page) === 0, 'the camera is off after Escape')
  check(await scan(page).evaluate(node => node === document.activeElement), 'the button has the focus again')
}

async function forged(open) {
  const page = await phone(open)
  await scan(page).click()
  await test(page, 'install-refused').waitFor()
  check(await test(page, 'install-vouch').count() === 0 && await live(page) === 0, 'refused, and the camera is off')
}

async function refused(open) {
  const page = await phone(open)
  await scan(page).click()
  await page.getByText('The camera cannot be used').waitFor()
  check(await page.locator('dialog').count() === 0 && await used(page) === 0, 'nothing is open')
  await accessible(page, 'install-no-camera')
  await typed(page)
}

async function without(open) {
  const page = await phone(open, false)
  await test(page, 'install-code').waitFor()
  check(await scan(page).count() === 0, 'no button that does nothing')
  await typed(page)
}

try {
  await withBrowser(scanned, camera(world.good))
  await withBrowser(forged, camera(world.forged))
  await withBrowser(async open => {
    await refused(open)
    await without(open)
  })
  say({pictures})
} finally {
  rmSync(folder, {recursive: true})
}
