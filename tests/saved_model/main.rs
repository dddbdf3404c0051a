//! `SavedModels` that TensorFlow makes here and now, converted for real: `make test-saved-model`.
//!
//! One test, a story: the environment is made first, and everything else needs it.

#![expect(clippy::expect_used, reason = "a test says what is wrong by failing")]
#![expect(
    clippy::disallowed_methods,
    reason = "make names the interpreter in PYTHON"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Mutex,
    time::Instant,
};

use ocellus::publishing::saved_model::{Conversion, ConvertError, Report, convert, prepare};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

struct Bench {
    folder: tempfile::TempDir,
    tools: PathBuf,
    python: PathBuf,
    interpreter: PathBuf,
}

impl Bench {
    async fn set_up() -> Self {
        let python = std::env::var_os("PYTHON").map_or(Conversion::PYTHON.into(), PathBuf::from);
        let tools = Path::new(ROOT).join(".ocellus/python");
        let begun = Instant::now();
        let interpreter = prepare(&tools, &python, &|line| told(line))
            .await
            .expect("the environment can be made");
        told(&format!(
            "environment: {:.1} s",
            begun.elapsed().as_secs_f64()
        ));
        let bench = Self {
            folder: tempfile::tempdir().expect("a folder can be made"),
            tools,
            python,
            interpreter,
        };
        let made = bench.script("tests/saved_model/make_saved_models.py", &[bench.path("")]);
        assert!(made.status.success(), "{}", text(&made.stderr));
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn script(&self, script: &str, arguments: &[PathBuf]) -> Output {
        Command::new(&self.interpreter)
            .args(["-I", "-B"])
            .arg(Path::new(ROOT).join(script))
            .args(arguments)
            .output()
            .expect("the interpreter runs")
    }

    async fn convert(&self, name: &str, signature: Option<&str>) -> Result<Report, ConvertError> {
        let samples = Path::new(ROOT).join("assets/samples");
        let options = Conversion {
            saved_model: self.path(name),
            signature: signature.map(str::to_owned),
            out: self.path(&format!("{name}.onnx")),
            pictures: vec![samples.join("cat.jpg"), samples.join("sideways.jpg")],
            tools: self.tools.clone(),
            python: self.python.clone(),
        };
        let heard = Mutex::new(Vec::new());
        let begun = Instant::now();
        let done = convert(&options, &|line| {
            heard.lock().expect("nobody panics").push(line.to_owned());
        })
        .await;
        let seconds = begun.elapsed().as_secs_f64();
        match &done {
            Ok(report) => told(&format!("{name}: {seconds:.1} s, {:?}", report.seconds)),
            Err(error) => told(&format!("{name}: {seconds:.1} s, {error}")),
        }
        assert_eq!(done.is_ok(), options.out.exists(), "{name}");
        if done.is_ok() {
            let heard = heard.into_inner().expect("nobody panics");
            assert_eq!(heard, ["converting", "comparing"]);
        }
        done
    }
}

#[expect(clippy::print_stderr, reason = "its time is what is to be seen of it")]
fn told(line: &str) {
    eprintln!("{line}");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn saved_models_become_onnx_or_say_why_not() {
    let bench = Bench::set_up().await;
    what_answers_alike_is_written(&bench).await;
    signatures_are_found_by_name(&bench).await;
    what_onnx_lacks_is_named(&bench).await;
    a_model_that_answers_otherwise_is_refused(&bench);
    nothing_is_left_behind(&bench);
}

async fn what_answers_alike_is_written(bench: &Bench) {
    let report = bench.convert("conv", None).await.expect("conv converts");
    assert_eq!(report.signature, "serving_default");
    let [input] = report.inputs.as_slice() else {
        unreachable!("one input: {:?}", report.inputs)
    };
    assert_eq!(
        (input.name.as_str(), input.dtype.as_str()),
        ("image", "float32")
    );
    assert_eq!(input.shape, Some(vec![None, Some(32), Some(32), Some(3)]));
    let outputs: Vec<&str> = report.outputs.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(outputs, ["logits", "scores"]);
    assert_eq!(report.samples.len(), 6, "two pictures, four random");
    for difference in &report.differences {
        assert!(difference.max_absolute < 1e-4, "{difference:?}");
    }

    let report = bench.convert("bytes", None).await.expect("bytes converts");
    let dtypes: Vec<&str> = report.outputs.iter().map(|it| it.dtype.as_str()).collect();
    assert_eq!(dtypes, ["int64", "float32"]);
    // The folder above the SavedModel does as well.
    fs::create_dir(bench.path("outer")).expect("a folder can be made");
    fs::rename(bench.path("conv"), bench.path("outer/saved_model")).expect("it can be moved");
    bench.convert("outer", None).await.expect("outer converts");
    fs::rename(bench.path("outer/saved_model"), bench.path("conv")).expect("it can be moved");
}

async fn signatures_are_found_by_name(bench: &Bench) {
    let error = bench.convert("renamed", None).await.expect_err("not there");
    assert!(
        matches!(error, ConvertError::UnknownSignature(_)),
        "{error}"
    );
    assert!(error.to_string().contains("\"classify\""), "{error}");
    let report = bench
        .convert("renamed", Some("classify"))
        .await
        .expect("it is there");
    assert_eq!(report.signature, "classify");
    let error = bench.convert("empty", None).await.expect_err("it has none");
    assert!(error.to_string().ends_with("none"), "{error}");
}

async fn what_onnx_lacks_is_named(bench: &Bench) {
    let error = bench
        .convert("lgamma", None)
        .await
        .expect_err("ONNX lacks it");
    assert!(
        matches!(error, ConvertError::UnsupportedOperator(_)),
        "{error}"
    );
    assert!(error.to_string().contains("Lgamma"), "{error}");
    let error = bench.convert("encoded", None).await.expect_err("no pixels");
    assert!(matches!(error, ConvertError::NotConvertible(_)), "{error}");
    assert!(
        error.to_string().contains("\"jpeg\" takes strings"),
        "{error}"
    );
}

/// By a tolerance that nothing meets, and by weights that are changed after the conversion.
fn a_model_that_answers_otherwise_is_refused(bench: &Bench) {
    for how in ["--tolerance=0", "weight"] {
        let words = ["conv", "tampered.onnx", "tampered.json"].map(|name| bench.path(name));
        let mut arguments = words.to_vec();
        arguments.push(how.into());
        let ended = bench.script("tests/saved_model/tamper.py", &arguments);
        let stderr = text(&ended.stderr);
        assert_eq!(ended.status.code(), Some(3), "{how}: {stderr}");
        assert!(
            stderr
                .lines()
                .all(|line| line.starts_with("error: output ")),
            "{stderr}"
        );
        assert!(
            stderr.contains("error: output \"logits\" differs by"),
            "{stderr}"
        );
        assert!(!bench.path("tampered.onnx").exists(), "{how}");
        assert!(bench.path("tampered.json").exists(), "{how}");
    }
}

fn nothing_is_left_behind(bench: &Bench) {
    for entry in fs::read_dir(&bench.tools).expect("tools can be listed") {
        let name = entry.expect("tools can be listed").file_name();
        assert!(
            !name.to_string_lossy().starts_with("scratch-"),
            "{}",
            name.display()
        );
    }
}
