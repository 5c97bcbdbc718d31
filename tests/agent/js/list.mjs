// Lists a bucket with one long-lived client of Amazon's SDK for JavaScript, whatever its own chain of providers finds.
// node list.mjs BUCKET TIMES SECONDS: a line for each try, with the access key that was used and what was listed.
import { S3Client, ListObjectsV2Command } from "@aws-sdk/client-s3";

const [bucket, times, seconds] = process.argv.slice(2);
const client = new S3Client({ forcePathStyle: true });
for (let number = 0; number < Number(times); number++) {
  if (number) await new Promise((done) => setTimeout(done, Number(seconds) * 1000));
  const found = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
  const { accessKeyId } = await client.config.credentials();
  console.log(accessKeyId, (found.Contents ?? []).map((one) => one.Key).join(" "));
}
