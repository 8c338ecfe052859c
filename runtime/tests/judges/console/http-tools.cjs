// An HTTP interface is connected from the document that describes it, a request is chosen, and tried out.
'use strict';

const { api, assert, barriers, picture, register, run, signIn } = require('./browser.cjs');

run(async (open) => {
  const token = await register();
  const desk = await open();
  await signIn(desk, '/console/settings/tools');
  await desk.getByRole('button', { name: 'Connect an HTTP interface' }).click();
  const dialog = desk.getByRole('dialog');

  // What is no document is told at the field.
  await dialog.getByLabel('Address of the document').fill('{ "swagger": "2.0" }');
  await dialog.getByRole('button', { name: 'Read' }).click();
  await dialog.getByText('is no OpenAPI 3 document').first().waitFor();
  await dialog.getByLabel('Address of the document').fill(`${process.env.INTERFACE}/openapi.json`);
  await dialog.getByRole('button', { name: 'Read' }).click();
  await dialog.getByRole('checkbox', { name: 'GET away' }).uncheck();
  const requests = dialog.getByLabel('Requests (JSON)');
  assert.deepEqual(JSON.parse(await requests.inputValue()).map((o) => o.name).sort(), ['getItem', 'order'], 'one was not chosen');
  await dialog.getByLabel('Name', { exact: true }).fill('shop');
  assert.equal(await dialog.getByLabel('Address', { exact: true }).inputValue(), `${process.env.INTERFACE}/v1`);
  await dialog.getByLabel('Headers of every request').fill('{ "x-key": ');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('This is not JSON').first().waitFor();
  await dialog.getByLabel('Headers of every request').fill('{ "x-key": "hush" }');
  assert.deepEqual(await barriers(desk), []);
  await picture(desk, 'http-tools');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'detached' });

  // Switching a tool off keeps the requests and the secrets.
  await desk.getByText('2 tools').click();
  await desk.getByRole('checkbox', { name: 'shop__order' }).uncheck();
  await desk.getByText('Saved.').waitFor();
  const [server] = (await api('GET', '/api/tool-servers', undefined, token)).tool_servers ?? [];
  assert.deepEqual([server.operations.length, server.headers['x-key'], server.rules.order.enabled], [2, '***', false]);

  await desk.getByRole('button', { name: 'Try it' }).click();
  await dialog.getByLabel('Tool').selectOption('getItem');
  await dialog.getByLabel('Arguments (JSON)').fill('{ "id": "7" }');
  await dialog.getByRole('button', { name: 'Try it' }).click();
  await dialog.getByText('"stock":3').waitFor();
  assert.deepEqual(await barriers(desk), []);
  await picture(desk, 'http-tools-try');
});
