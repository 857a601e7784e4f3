//! Contexts on disc: what is sent, and when hash and archive change.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

/// A context of these files: name and content; a name that ends with a slash is a folder.
fn context(files: &[(&str, &str)]) -> TempDir {
    let root = TempDir::new().unwrap();
    for (name, text) in files {
        put(root.path(), name, text);
    }
    root
}

fn put(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    if name.ends_with('/') {
        fs::create_dir_all(path).unwrap();
    } else {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn read(root: &TempDir) -> Source {
    Source::read(root.path(), Path::new("Dockerfile"), &[]).unwrap()
}

fn names(source: &Source) -> Vec<&str> {
    source.names().collect()
}

/// Hash and archive, which must agree.
fn pack(source: &Source) -> (String, Vec<u8>) {
    let packed = source.pack().unwrap();
    let hash = source.hash().unwrap();
    assert_eq!(packed.source_hash, hash);
    let bytes = fs::read(packed.file.path()).unwrap();
    assert_eq!(packed.bytes, bytes.len() as u64);
    (hash, bytes)
}

/// What another reader finds in the archive: name, type, mode, time, owner, content or target.
fn unpack(bytes: &[u8]) -> Vec<(String, tar::EntryType, u32, u64, u64, String)> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes));
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut text = String::new();
        io::Read::read_to_string(&mut entry, &mut text).unwrap();
        if let Some(target) = entry.link_name().unwrap() {
            text = target.to_str().unwrap().to_string();
        }
        let header = entry.header();
        let (mode, time, owner) = (header.mode().unwrap(), header.mtime().unwrap(), header.uid().unwrap());
        let name = entry.path().unwrap().to_str().unwrap().to_string();
        (name, header.entry_type(), mode, time, owner, text)
    });
    entries.collect()
}

/// How an archive begins whose first member has this name.
fn zip(member: &str) -> String {
    let length = char::from(u8::try_from(member.len()).unwrap());
    format!("PK\u{3}\u{4}{}{length}\0\0\0{member}", "-".repeat(22))
}

#[test]
fn what_docker_would_send_is_sent() {
    let root = context(&[
        ("Dockerfile", "FROM scratch"),
        (".dockerignore", "*\n!src\nsrc/gen\n!src/gen/keep.rs\n!empty"),
        ("README.md", ""),
        ("src/main.rs", "fn main() {}"),
        ("src/gen/a.rs", ""),
        ("src/gen/keep.rs", ""),
        ("empty/", ""),
        ("other/file", ""),
    ]);
    let want = [
        ".dockerignore",
        "Dockerfile",
        "empty",
        "src",
        "src/gen",
        "src/gen/keep.rs",
        "src/main.rs",
    ];
    assert_eq!(names(&read(&root)), want);
    put(
        root.path(),
        "Dockerfile.dockerignore",
        "src\nempty\nother\n*.md\nDockerfile*",
    );
    let source = read(&root);
    assert_eq!(
        names(&source),
        [".dockerignore", "Dockerfile", "Dockerfile.dockerignore"]
    );
    assert_eq!(source.dockerfile(), "Dockerfile");
}

#[test]
fn what_terraform_and_version_control_write_is_never_sent() {
    let root = context(&[
        ("Dockerfile", ""),
        (".dockerignore", "!**/.git\n!*.tfstate"),
        ("main.tf", ""),
        (".terraform.lock.hcl", ""),
        (".terraform/providers/x", ""),
        ("mod/.terraform/x", ""),
        ("terraform.tfstate", ""),
        ("terraform.tfstate.backup", ""),
        (".terraform.tfstate.lock.info", ""),
        ("terraform.tfstate.d/dev/terraform.tfstate", ""),
        ("crash.log", ""),
        ("crash.2026.log", ""),
        (".git/HEAD", ""),
        (".gitignore", ""),
        ("sub/.svn/x", ""),
        (
            "floorplan.zip",
            "PK\u{3}\u{4} an archive of another kind, of at least that length",
        ),
        ("plans/tfplan", &zip("tfplan")),
        ("saved.bin", &zip("tfplan")),
        ("tfplan.zip", &zip("tfplan2")),
        ("app.zip", &zip("app/tfplan")),
        ("short.zip", &zip("tfpl")),
    ]);
    let want = [
        ".dockerignore",
        ".terraform.lock.hcl",
        "Dockerfile",
        "app.zip",
        "floorplan.zip",
        "main.tf",
        "mod",
        "plans",
        "short.zip",
        "sub",
        "tfplan.zip",
    ];
    assert_eq!(names(&read(&root)), want);
    let error = Source::read(root.path(), Path::new(".git/HEAD"), &[])
        .unwrap_err()
        .to_string();
    assert!(error.contains("never sent"), "{error}");
}

#[test]
fn what_terraform_is_writing_is_not_sent() {
    let root = context(&[("Dockerfile", ""), ("logs/trace.txt", "a"), ("trace.txt", "b")]);
    let written = [
        root.path().join("logs/../logs/trace.txt"),
        root.path().join("none.txt"),
        "trace.txt".into(),
    ];
    let source = Source::read(root.path(), Path::new("Dockerfile"), &written).unwrap();
    assert_eq!(names(&source), ["Dockerfile", "logs", "trace.txt"]);
}

#[cfg(unix)]
#[test]
fn a_dockerfile_may_be_absolute_where_the_context_is_relative() {
    // Relative to where the tests run, which nobody changes.
    let here = std::env::current_dir().unwrap().canonicalize().unwrap();
    let root = context(&[("sub/Dockerfile", "")]);
    let up: PathBuf = here.components().skip(1).map(|_| "..").collect();
    let relative = up.join(root.path().canonicalize().unwrap().strip_prefix("/").unwrap());
    for dockerfile in [
        root.path().join("sub/Dockerfile"),
        "sub/Dockerfile".into(),
        relative
            .file_name()
            .map(|own| Path::new("..").join(own).join("sub/Dockerfile"))
            .unwrap(),
    ] {
        let source = Source::read(&relative, &dockerfile, &[]).unwrap();
        assert_eq!(source.dockerfile(), "sub/Dockerfile", "{}", dockerfile.display());
        assert_eq!(names(&source), ["sub", "sub/Dockerfile"]);
    }
}

#[test]
fn what_may_be_secret_is_told() {
    let root = context(&[
        ("Dockerfile", ""),
        ("prod.tfvars", ""),
        ("a/.env", ""),
        (".env.local", ""),
        ("b.tfvars.json", ""),
    ]);
    let warnings = read(&root).warnings().to_vec();
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].contains("secrets: .env.local, a/.env, b.tfvars.json, prod.tfvars. "),
        "{warnings:?}"
    );
    put(root.path(), ".dockerignore", "**/*.tfvars*\n**/.env*");
    assert!(read(&root).warnings().is_empty());
}

#[test]
fn the_archive_is_reproducible_and_another_reader_understands_it() {
    let long = format!("{}/{}", "d".repeat(90), "f".repeat(90));
    let root = context(&[
        ("b/x", "two"),
        (&long, "long"),
        ("Dockerfile", "FROM a"),
        ("a", "one"),
        ("ü", "three"),
    ]);
    let first = pack(&read(&root));
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    for name in ["a", "b/x", "Dockerfile"] {
        fs::File::options()
            .write(true)
            .open(root.path().join(name))
            .unwrap()
            .set_modified(old)
            .unwrap();
    }
    assert_eq!(pack(&read(&root)), first, "times do not matter");
    let elsewhere = context(&[
        ("ü", "three"),
        ("a", "one"),
        ("Dockerfile", "FROM a"),
        (&long, "long"),
        ("b/x", "two"),
    ]);
    assert_eq!(pack(&read(&elsewhere)), first, "neither do place and order");
    let found = unpack(&first.1);
    let names: Vec<&str> = found.iter().map(|entry| entry.0.as_str()).collect();
    assert_eq!(
        names,
        [
            "Dockerfile",
            "a",
            "b/",
            "b/x",
            &format!("{}/", "d".repeat(90)),
            &long,
            "ü"
        ]
    );
    assert!(found.iter().all(|entry| (entry.3, entry.4) == (0, 0)));
    assert_eq!(found[1].5, "one");
}

#[cfg(unix)]
#[test]
fn links_stay_links_and_special_files_stay_behind() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let outside = context(&[("secret", "hush")]);
    let root = context(&[("Dockerfile", ""), ("run.sh", "#!"), ("sub/", "")]);
    let executable = fs::Permissions::from_mode(0o700);
    fs::set_permissions(root.path().join("run.sh"), executable).unwrap();
    symlink(outside.path().join("secret"), root.path().join("out")).unwrap();
    symlink(outside.path(), root.path().join("folder")).unwrap();
    symlink("..", root.path().join("sub/loop")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.path().join("sock")).unwrap();
    let source = read(&root);
    assert_eq!(
        names(&source),
        ["Dockerfile", "folder", "out", "run.sh", "sub", "sub/loop"]
    );
    assert!(
        source.warnings()[0].contains("not sent: sock."),
        "{:?}",
        source.warnings()
    );
    let found = unpack(&pack(&source).1);
    assert!(!found.iter().any(|entry| entry.5.contains("hush")));
    assert_eq!(
        (found[2].1, found[2].5.as_str()),
        (tar::EntryType::Symlink, outside.path().join("secret").to_str().unwrap())
    );
    assert_eq!((found[0].2, found[3].2), (0o644, 0o755));
    // Of the rights only that to execute counts.
    let before = pack(&source);
    fs::set_permissions(root.path().join("Dockerfile"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(pack(&read(&root)), before);
    fs::set_permissions(root.path().join("Dockerfile"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_ne!(pack(&read(&root)).0, before.0);
}

#[test]
fn a_dockerfile_from_elsewhere_has_a_name_made_from_its_content() {
    let outside = context(&[("my.Dockerfile", "FROM a"), ("my.Dockerfile.dockerignore", "b")]);
    let root = context(&[("a", ""), ("b", ""), ("sub/Dockerfile", "")]);
    let elsewhere = outside.path().join("my.Dockerfile");
    let source = Source::read(root.path(), &elsewhere, &[]).unwrap();
    let name = source.dockerfile().to_string();
    assert!(name.len() == 27 && name.ends_with("_Dockerfile"), "{name}");
    assert!(names(&source).contains(&name.as_str()) && !names(&source).contains(&"b"));
    let again = Source::read(root.path(), &elsewhere, &[]).unwrap();
    assert_eq!(pack(&source), pack(&again));
    fs::write(&elsewhere, "FROM b").unwrap();
    assert_ne!(Source::read(root.path(), &elsewhere, &[]).unwrap().dockerfile(), name);
    for path in [
        "sub/Dockerfile",
        "./sub/../sub/Dockerfile",
        root.path().join("sub/Dockerfile").to_str().unwrap(),
    ] {
        assert_eq!(
            Source::read(root.path(), Path::new(path), &[]).unwrap().dockerfile(),
            "sub/Dockerfile",
            "{path}"
        );
    }
}

#[test]
fn errors_name_the_file() {
    let root = context(&[("Dockerfile", ""), ("file", "")]);
    let message =
        |root: &Path, dockerfile: &str| Source::read(root, Path::new(dockerfile), &[]).unwrap_err().to_string();
    assert!(message(root.path(), "none").contains("none: "));
    assert!(message(&root.path().join("none"), "Dockerfile").starts_with("reading the context "));
    assert!(message(&root.path().join("file"), "Dockerfile").contains("is not a folder"));
    put(root.path(), ".dockerignore", "ok\na[");
    assert!(message(root.path(), "Dockerfile").contains(".dockerignore: line 2, `a[`: a `[` is not closed"));
}

/// One edit of a context.
#[derive(Clone, Debug)]
struct File {
    name: String,
    text: String,
    executable: bool,
}

fn files() -> impl Strategy<Value = Vec<File>> {
    let file = ("[ab]{1,2}(/[cd]{1,2})?", "[xy]{0,2}", any::<bool>());
    let file = file.prop_map(|(name, text, executable)| File { name, text, executable });
    prop::collection::vec(file, 0..4)
}

fn build(files: &[File]) -> (String, Vec<u8>) {
    let root = context(&[("Dockerfile", "")]);
    let mut folders = BTreeSet::new();
    for file in files {
        let folder = file.name.split_once('/').map(|(folder, _)| folder);
        let taken = root.path().join(folder.unwrap_or_default()).is_file() || root.path().join(&file.name).is_dir();
        if taken {
            continue;
        }
        folders.extend(folder);
        put(root.path(), &file.name, &file.text);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = if file.executable { 0o755 } else { 0o644 };
            fs::set_permissions(root.path().join(&file.name), fs::Permissions::from_mode(mode)).unwrap();
        }
    }
    pack(&read(&root))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn hashes_are_equal_exactly_when_archives_are(one in files(), other in files(), same in any::<bool>()) {
        let other = if same { one.clone() } else { other };
        let (one, other) = (build(&one), build(&other));
        prop_assert_eq!(one.0 == other.0, one.1 == other.1);
    }
}
