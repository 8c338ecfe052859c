// A visitor and somebody of the team in one conversation, each in a browser of their own; nobody reloads anything.
'use strict';

const { api, assert, barriers, picture, register, run, signIn } = require('./browser.cjs');

run(async (open) => {
  const token = await register();
  const agent = await api('POST', '/api/agents', { name: 'Echo', model: { provider: 'scripted' }, gather_quiet_ms: 0 }, token);
  const channel = await api('POST', '/api/channels', { kind: 'webchat', name: 'Website', agent: agent.id, settings: { public: 'true' } }, token);
  const desk = await open();
  await signIn(desk, '/console/inbox');
  await desk.getByText('Nobody has written yet').waitFor();

  const visitor = await open({ viewport: { width: 390, height: 844 } });
  await visitor.goto(`/chat/${channel.id}`);
  await visitor.locator('#text').fill('Is there a room for two?');
  await visitor.keyboard.press('Enter');
  await visitor.locator('.line.agent', { hasText: 'room for two' }).waitFor();

  // It comes by itself, unread, and opens with a key.
  await desk.locator('.conversation.unread').waitFor();
  await desk.keyboard.press('j');
  await desk.locator('.line.person', { hasText: 'room for two' }).waitFor();
  await desk.locator('.conversation.unread').waitFor({ state: 'detached' });

  await desk.keyboard.press('t');
  await desk.locator('.thread-head').getByText('A person answers').waitFor();
  await desk.keyboard.press('r');
  await desk.keyboard.type('Ann here: yes, with a view of the sea.');
  await desk.keyboard.press('Enter');
  await desk.locator('.line.operator', { hasText: 'view of the sea' }).waitFor();
  await visitor.locator('.line.operator', { hasText: 'view of the sea' }).waitFor();
  await picture(desk, 'two-people-desk');
  await visitor.getByText('A person of the team answers now.').first().waitFor();
  assert.deepEqual(await barriers(visitor), []);
  await picture(visitor, 'two-people-visitor');

  // What an answer cost, and that no tool had a part in it.
  await desk.locator('.line.agent .trail summary').first().click();
  await desk.locator('.trail', { hasText: 'No tool was called.' }).waitFor();

  // The agent is silent while a person has the conversation.
  await visitor.locator('#text').fill('Wonderful, thank you');
  await visitor.keyboard.press('Enter');
  await desk.locator('.line.person', { hasText: 'Wonderful' }).waitFor();
  assert.equal(await visitor.locator('.line.agent').count(), 1);

  // Out of the field where the reply was written: there a letter is a letter.
  await desk.keyboard.press('Escape');
  await desk.keyboard.press('n');
  await desk.keyboard.type('Wants flowers in the room.');
  await desk.keyboard.press('Enter');
  await desk.getByText('The note was kept.').waitFor();
  await desk.getByRole('button', { name: 'Details' }).click();
  await desk.locator('.notes', { hasText: 'flowers' }).waitFor();
  await desk.getByLabel('Add a tag').fill('VIP');
  await desk.keyboard.press('Enter');
  await desk.locator('.tags', { hasText: 'vip' }).waitFor();
  await desk.locator('.details').getByRole('button', { name: 'Close' }).click();

  await desk.getByRole('button', { name: 'Give back' }).click();
  await desk.locator('.thread-head').getByText('Agent answers').waitFor();
  await visitor.locator('#text').fill('And breakfast?');
  await visitor.keyboard.press('Enter');
  await visitor.locator('.line.agent', { hasText: 'breakfast' }).waitFor();
  await desk.locator('.line.agent', { hasText: 'breakfast' }).waitFor();

  // A visitor who reloads finds everything again, in order, once.
  await visitor.reload();
  await visitor.locator('.line').nth(5).waitFor();
  assert.equal(await visitor.locator('.line', { hasText: 'view of the sea' }).count(), 1);

  // The desk says when the server is away, and goes on when it is back.
  await desk.context().setOffline(true);
  await desk.locator('.banner.offline').waitFor();
  await visitor.locator('#text').fill('One more question');
  await visitor.keyboard.press('Enter');
  await visitor.locator('.line.agent', { hasText: 'One more' }).waitFor();
  await desk.context().setOffline(false);
  await desk.locator('.banner.offline').waitFor({ state: 'detached' });
  await desk.locator('.line.agent', { hasText: 'One more' }).waitFor();

  await desk.locator('.lines').focus();
  await desk.keyboard.press('e');
  await desk.getByText('Closed.', { exact: true }).waitFor();
  await desk.getByText('Nobody has written yet').waitFor();
});
