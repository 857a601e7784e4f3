//! What tests of runs do again and again: upload a context, schedule, look.

use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::lab::{Lab, POOLS, Reply, reply};

/// How long a run takes in these tests, on the emulator's clock.
pub const RUN: Duration = Duration::from_secs(80);
/// How long it waits at least.
pub const PICK_UP: Duration = Duration::from_secs(10);

/// A gzipped tar archive of these files.
pub fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

impl Lab {
    /// An address below the registry.
    pub fn below(&self, path: &str) -> String {
        format!("{}/{path}?api-version={POOLS}", self.registry())
    }

    /// A URL for an upload: where it leads, and what the run request calls it.
    pub async fn upload_url(&self) -> (String, String) {
        let reply = self.call("POST", &self.below("listBuildSourceUploadUrl"), None).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let text = |name: &str| reply.json()[name].as_str().unwrap().to_string();
        (text("uploadUrl"), text("relativePath"))
    }

    /// Puts a block blob.
    pub async fn put_blob(&self, url: &str, bytes: Vec<u8>) -> Reply {
        let request = self.client.put(url).header("x-ms-blob-type", "BlockBlob").body(bytes);
        reply(request).await.unwrap()
    }

    /// Uploads these files; their source location.
    pub async fn uploaded(&self, files: &[(&str, &str)]) -> String {
        let (url, location) = self.upload_url().await;
        let reply = self.put_blob(&url, archive(files)).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        location
    }

    pub async fn schedule(&self, request: &Value) -> Reply {
        self.call("POST", &self.below("scheduleRun"), Some(&request.to_string()))
            .await
    }

    /// Schedules a run that must be accepted; its id.
    pub async fn scheduled(&self, request: &Value) -> String {
        let reply = self.schedule(request).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()["properties"]["runId"].as_str().unwrap().to_string()
    }

    /// Builds these files under the name `app:v1`.
    pub async fn build(&self, files: &[(&str, &str)]) -> String {
        let location = self.uploaded(files).await;
        self.scheduled(&build_of(&location)).await
    }

    pub async fn run(&self, id: &str) -> Value {
        let reply = self.get(&self.below(&format!("runs/{id}"))).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()["properties"].clone()
    }

    pub async fn run_status(&self, id: &str) -> String {
        self.run(id).await["status"].as_str().unwrap().to_string()
    }

    pub async fn log_link(&self, id: &str) -> String {
        let reply = self
            .call("POST", &self.below(&format!("runs/{id}/listLogSasUrl")), None)
            .await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()["logLink"].as_str().unwrap().to_string()
    }

    /// The log as it is now.
    pub async fn log(&self, id: &str) -> Reply {
        let link = self.log_link(id).await;
        self.send("GET", &link, "", None).await.unwrap()
    }

    /// Lets a run that waits for nothing come to its end.
    pub fn run_through(&self) {
        self.emulator.advance(PICK_UP + RUN);
    }
}

/// A request to build an upload.
pub fn build_of(location: &str) -> Value {
    json!({
        "type": "DockerBuildRequest",
        "dockerFilePath": "Dockerfile",
        "imageNames": ["app:v1"],
        "platform": {"os": "Linux", "architecture": "amd64"},
        "sourceLocation": location,
    })
}

/// A request to run one command.
pub fn command(line: &str) -> Value {
    use base64::Engine;
    let text = format!("version: v1.1.0\nsteps:\n  - cmd: {line}\n");
    json!({
        "type": "EncodedTaskRunRequest",
        "encodedTaskContent": base64::engine::general_purpose::STANDARD.encode(text),
        "platform": {"os": "linux"},
    })
}

/// The shape of a run that has these members beside those that all have.
pub fn shape(extra: &[&str], created: &str) -> String {
    let all = [
        ("runId:string", true),
        ("status:string", true),
        ("lastUpdatedTime:string", true),
        ("runType:string", true),
        ("agentPoolName:string", false),
        ("createTime:string", true),
        ("startTime:string", false),
        ("finishTime:string", false),
        (
            "outputImages:[{registry:string,repository:string,tag:string,digest:string}]",
            false,
        ),
        ("task:string", false),
        ("platform:{os:string,architecture:string}", true),
        ("agentConfiguration:{cpu:number}", true),
        ("runErrorMessage:string", false),
        ("provisioningState:string", true),
        ("isArchiveEnabled:boolean", true),
    ];
    let shown = all
        .iter()
        .filter(|(member, always)| *always || extra.iter().any(|name| member.starts_with(&format!("{name}:"))));
    let shown: Vec<&str> = shown.map(|(member, _)| *member).collect();
    format!(
        "{{type:string,properties:{{{}}},id:string,name:string,systemData:{{{created}lastModifiedBy:string,lastModifiedByType:string,lastModifiedAt:string}}}}",
        shown.join(",")
    )
}

pub async fn lab() -> Lab {
    Lab::with(|options| options.run_duration = RUN).await
}
