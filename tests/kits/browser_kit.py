"""Sizes of windows, and the rules of axe-core that a page is held to."""

SCREEN, TELEPHONE = (1440, 900), (390, 844)
AXE = """
const done = arguments[arguments.length - 1];
axe.run(document, {
  resultTypes: ['violations'],
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'],
  rules: {'color-contrast': {enabled: false}},  // slow; test_every_page looks, in both themes
  // A link may differ from its text by contrast alone: slow to see, so here it has to by its style.
  checks: {'link-in-text-block': {enabled: false}},
})
   .then(found => done(found.violations
     .filter(v => ['serious', 'critical'].includes(v.impact))
     .map(v => [v.id, v.help, ...v.nodes.slice(0, 3).map(n => n.html.slice(0, 160))].join(': '))))
"""
