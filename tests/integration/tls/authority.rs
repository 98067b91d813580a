//! A certificate authority for one test, by openssl.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

const CONFIG: &str = "[ca]\ndefault_ca = own\n\
    [own]\ndatabase = index\nserial = serial\nnew_certs_dir = .\ndefault_md = sha256\n\
    unique_subject = no\npolicy = any\n[any]\ncommonName = supplied\n";
pub(super) const LONG: &str = "20490101000000Z";
pub(super) const OVER: &str = "20210101000000Z";

/// A certificate and its key, as files.
#[derive(Clone)]
pub(super) struct Pair {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

pub(super) struct Authority {
    folder: PathBuf,
}

impl Authority {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let serial = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("authority-{}-{serial}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).expect("a folder is made");
        for (name, content) in [("config", CONFIG), ("index", ""), ("serial", "1000\n")] {
            std::fs::write(folder.join(name), content).expect("a file is written");
        }
        let it = Self { folder };
        let name = format!("authority {serial}");
        it.request(&name, "ca.key", "ca.pem", &["-x509", "-days", "30"]);
        it
    }

    /// The authority's own certificate.
    pub(super) fn certificate(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// Issues a certificate for a server of this name, valid until `until`.
    pub(super) fn server(&self, name: &str, until: &str) -> Pair {
        self.issue(name, &format!("subjectAltName = DNS:{name}\n"), until)
    }

    /// Issues a certificate for a login.
    pub(super) fn client(&self, name: &str) -> Pair {
        self.issue(name, "extendedKeyUsage = clientAuth\n", LONG)
    }

    fn issue(&self, name: &str, extension: &str, until: &str) -> Pair {
        let file = |end: &str| format!("{name}-{until}.{end}");
        let extension = format!("basicConstraints = critical, CA:FALSE\n{extension}");
        std::fs::write(self.folder.join("extension"), extension).expect("a file is written");
        let (key, request, certificate) = (file("key"), file("csr"), file("pem"));
        self.request(name, &key, &request, &["-new"]);
        self.openssl(&[
            "ca",
            "-batch",
            "-notext",
            "-config",
            "config",
            "-cert",
            "ca.pem",
            "-keyfile",
            "ca.key",
            "-startdate",
            "20200101000000Z",
            "-enddate",
            until,
            "-extfile",
            "extension",
            "-in",
            &request,
            "-out",
            &certificate,
        ]);
        Pair {
            certificate: self.folder.join(certificate),
            key: self.folder.join(key),
        }
    }

    /// Creates a key and a signing request, or a self-signed certificate with `-x509`.
    fn request(&self, name: &str, key: &str, output: &str, options: &[&str]) {
        let subject = format!("/CN={name}");
        let arguments = [
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            &subject,
            "-keyout",
            key,
            "-out",
            output,
        ];
        self.openssl(&[&arguments, options].concat());
    }

    fn openssl(&self, arguments: &[&str]) {
        let made = Command::new("openssl")
            .current_dir(&self.folder)
            .args(arguments)
            .output()
            .expect("openssl runs: apt-get install openssl");
        assert!(made.status.success(), "{made:?}");
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.folder);
    }
}
