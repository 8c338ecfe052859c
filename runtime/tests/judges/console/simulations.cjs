// Scenarios are run, watched, opened and compared.
'use strict';

const { api, assert, barriers, picture, register, run, signIn } = require('./browser.cjs');

const HOURS = (said) => `format: convsim/1
name: opening hours
model:
  kind: scripted
  rules:
    - {when: [hours], say: ${said}}
    - {say: I see.}
conversations:
  - channel: wa
    peer: '33600000001'
    user: {kind: script, messages: [{at: 1s, text: Hello}, {at: 20s, text: Your hours?}]}
`;

run(async (open) => {
  const token = await register();
  await api('POST', '/api/simulations', { scenario: HOURS('Nine to five.') }, token);
  const desk = await open();
  await signIn(desk, '/console/simulations');
  await desk.getByText('1 of 1 passed').waitFor();

  // An example, which one sees run to its end.
  await desk.getByRole('button', { name: 'New simulation' }).click();
  await desk.getByLabel('Start from').selectOption('crash-after-tool');
  await desk.getByLabel('Runs').fill('3');
  assert.match(await desk.getByLabel('Scenario').inputValue(), /crash_after/);
  await desk.getByRole('button', { name: 'Run', exact: true }).click();
  await desk.getByText('3 of 3 passed').waitFor();
  await desk.locator('.version').nth(2).waitFor();
  assert.deepEqual(await barriers(desk), []);
  const timeline = desk.waitForEvent('download');
  await desk.locator('.version summary').first().click();
  await desk.getByRole('button', { name: 'Timeline' }).first().click();
  assert.match((await timeline).suggestedFilename(), /^simulation-\d+\.html$/);
  await picture(desk, 'simulation');

  // What is wrong is said at its field, and nothing is lost.
  await desk.getByRole('button', { name: 'Run again, changed' }).click();
  await desk.getByLabel('Scenario').last().fill('format: convsim/9\nname: a\nconversations: []\n');
  await desk.getByRole('button', { name: 'Run', exact: true }).click();
  await desk.getByText('convsim/9').last().waitFor();
  await desk.getByLabel('Scenario').last().fill(HOURS('Ten to six.'));
  await desk.getByRole('button', { name: 'Run', exact: true }).click();
  await desk.getByText('1 of 1 passed').waitFor();

  const other = desk.getByLabel('With');
  await other.selectOption({ index: await other.locator('option').evaluateAll((all) => all.findIndex((o) => o.textContent.includes('opening hours'))) });
  await desk.getByText('Nine to five.').waitFor();
  await desk.locator('.before-after').getByText('Ten to six.').waitFor();
  assert.deepEqual(await barriers(desk), []);
  await picture(desk, 'simulation-compare');
});
