// Asks the npm package `vnpay`: a question on standard input, {do, secret, terminal, ...}, an answer on standard output.
import { readFileSync } from "node:fs";
import { VNPay } from "vnpay";
import { calculateSecureHash, createPaymentUrl } from "vnpay/utils";

const asked = JSON.parse(readFileSync(0, "utf8"));
const { secret: secureSecret, terminal: tmnCode, host } = asked;
const client = new VNPay({
  tmnCode,
  secureSecret,
  vnpayHost: host,
  queryDrAndRefundHost: host,
  hashAlgorithm: "SHA512",
  enableLog: false,
});

const answers = {
  // Whether it believes a query string, as it would a notification's or a return's.
  verified: () => client.verifyIpnCall(Object.fromEntries(new URLSearchParams(asked.query))),
  // The query string that it makes of these fields, and signs.
  signed: () => {
    const config = { vnpayHost: "http://unused", paymentEndpoint: "pay" };
    const data = createPaymentUrl({ config, data: asked.fields }).search.slice(1);
    const hash = calculateSecureHash({ secureSecret, data, hashAlgorithm: "SHA512", bufferEncode: "utf-8" });
    return `${data}&vnp_SecureHash=${hash}`;
  },
  link: () => client.buildPaymentUrl(asked.fields),
  query: () => client.queryDr(asked.fields),
  refund: () => client.refund(asked.fields),
};
process.stdout.write(JSON.stringify(await answers[asked.do]()));
