"""Sizes of windows, and the rules of axe-core that a page is held to."""

from contextlib import contextmanager

SCREEN, TELEPHONE = (1440, 900), (390, 844)
AXE = """
const done = arguments[arguments.length - 1];
axe.run(document, {
  resultTypes: ['violations'],
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'],
  rules: {'color-contrast': {enabled: false}},  // slow; test_every_page looks, in both themes
})
   .then(found => done(found.violations
     .filter(v => ['serious', 'critical'].includes(v.impact))
     .map(v => [v.id, v.help, ...v.nodes.slice(0, 3).map(n => n.html.slice(0, 160))].join(': '))))
"""


@contextmanager
def seen_on(browser, size):
    """Give the window a size, on a telephone with touch."""
    width, height = size
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    yield
    browser.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
