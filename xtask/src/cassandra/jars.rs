//! Apache Cassandra's program files, from its Maven artifacts.

use crate::{
    sh,
    tools::{self, Kit},
};
use anyhow::Result;
use std::{env, fs, path::PathBuf, process::Command};

/// Names the folder of jars to suites, so that they need not look for it.
pub const LIB_VARIABLE: &str = "MOORING_CASSANDRA_LIB";
const VERSION: &str = "5.0.9";

/// The folder with Cassandra and all it needs (100 jars, 66 MB); fetched when it is not there.
pub fn jars() -> Result<PathBuf> {
    if let Some(dir) = env::var_os(LIB_VARIABLE) {
        return Ok(dir.into());
    }
    tools::need(&[Kit::Cassandra])?;
    let dir = sh::target_dir().join("cassandra");
    let lib = dir.join("lib");
    let stamp = dir.join("lib.version");
    fs::create_dir_all(&dir)?;
    // one fetch at a time; released when dropped
    let lock = fs::File::create(dir.join("lib.lock"))?;
    lock.lock()?;
    if fs::read_to_string(&stamp).is_ok_and(|have| have == VERSION) {
        return Ok(lib);
    }
    if lib.exists() {
        fs::remove_dir_all(&lib)?;
    }
    fs::create_dir_all(&lib)?;
    let pom = dir.join("pom.xml");
    fs::write(&pom, POM.replace("{{version}}", VERSION))?;
    sh::say(&format!("fetching Apache Cassandra {VERSION} from Maven's repository (66 MB, once)"));
    sh::quietly(
        Command::new("mvn")
            .args(["-q", "-B", "-Dstyle.color=never", "-f"])
            .arg(&pom)
            .arg("dependency:copy-dependencies")
            .arg(format!("-DoutputDirectory={}", lib.display())),
    )?;
    fs::write(stamp, VERSION)?;
    Ok(lib)
}

const POM: &str = r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>mooring</groupId>
  <artifactId>cassandra</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.cassandra</groupId>
      <artifactId>cassandra-all</artifactId>
      <version>{{version}}</version>
    </dependency>
  </dependencies>
</project>
"#;
