//! The file: what it exports and needs, and what loading it does to a process.

use std::fs;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::path::Path;

use object::elf;
use object::read::elf::{Dyn as _, ElfFile64, FileHeader as _, ProgramHeader as _};
use object::{Endianness, Object as _, ObjectSymbol as _};
use yinqiao_ca_worker::Library;
use yinqiao_ca_worker::probe::Probe;

use super::process::{changes, snapshot};
use crate::bench::{Bench, load};
use crate::verdict::{HOLDS, Stop, Verdict, ensure, failed, holds, skipped};

const ENTRY: &str = "ca_adapter_get";
/// Symbols that linkers make by themselves.
const LINKERS: [&str; 7] = ["_init", "_fini", "__bss_start", "_edata", "_end", "__end__", "_start"];

type Elf<'a> = ElfFile64<'a, Endianness>;

/// An entry of the dynamic section that is a text.
struct DynamicText {
    tag: elf::DynamicTag,
    text: String,
}

pub(crate) async fn loads(bench: &Bench) -> Verdict {
    let mut probe = Probe::start(bench.program(), &bench.library)?;
    load(&mut probe).await?;
    HOLDS
}

pub(crate) fn symbols(bench: &Bench) -> Verdict {
    let data = read(bench)?;
    let file = parse(&data)?;
    let exported: Vec<String> = file
        .dynamic_symbols()
        .filter(|symbol| symbol.is_definition() && symbol.is_global())
        .filter_map(|symbol| symbol.name().ok().map(str::to_owned))
        .filter(|name| !LINKERS.contains(&name.as_str()))
        .collect();
    ensure(exported.iter().any(|name| name == ENTRY), || format!("it does not export {ENTRY}"))?;
    let others: Vec<&str> = exported.iter().map(String::as_str).filter(|name| *name != ENTRY).collect();
    ensure(others.is_empty(), || {
        format!(
            "it exports {} symbols more than {ENTRY}: {}; build with -fvisibility=hidden or a version script",
            others.len(),
            some_of(&others)
        )
    })?;
    HOLDS
}

pub(crate) fn dependencies(bench: &Bench) -> Verdict {
    let data = read(bench)?;
    let texts = dynamic_texts(&data)?;
    let needed: Vec<&str> = texts_of(&texts, elf::DT_NEEDED);
    if let Some(path) = needed.iter().find(|name| name.contains('/')) {
        return Err(failed(format!("it needs {path:?} by its path; libraries are needed by name")));
    }
    holds(format!("needs {}", if needed.is_empty() { "nothing".to_owned() } else { needed.join(", ") }))
}

pub(crate) fn search_path(bench: &Bench) -> Verdict {
    let data = read(bench)?;
    let texts = dynamic_texts(&data)?;
    let mut folders = texts_of(&texts, elf::DT_RPATH);
    folders.extend(texts_of(&texts, elf::DT_RUNPATH));
    for folder in folders.iter().flat_map(|list| list.split(':')) {
        let path = Path::new(folder);
        ensure(!folder.contains("$ORIGIN"), || {
            format!("its search path has {folder:?}: it is loaded from a descriptor, which has no folder")
        })?;
        ensure(path.is_absolute(), || {
            format!(
                "its search path has the relative folder {folder:?}: what is there depends on who starts the process"
            )
        })?;
        let writable = fs::metadata(path).is_ok_and(|folder| others_may_write(&folder));
        ensure(!writable, || {
            format!("its search path has the folder {folder:?}, to which others may write")
        })?;
    }
    HOLDS
}

pub(crate) fn hardening(bench: &Bench) -> Verdict {
    let data = read(bench)?;
    let header = elf::FileHeader64::<Endianness>::parse(&*data).map_err(|error| no_elf(&error))?;
    let endian = header.endian().map_err(|error| no_elf(&error))?;
    let segments = header.program_headers(endian, &*data).map_err(|error| no_elf(&error))?;
    let stack = segments.iter().find(|segment| segment.p_type(endian) == elf::PT_GNU_STACK);
    ensure(stack.is_some_and(|stack| !stack.p_flags(endian).contains(elf::PF_X)), || {
        "its stack would be executable; link with -z noexecstack".to_owned()
    })?;
    let both = segments.iter().any(|segment| {
        let flags = segment.p_flags(endian);
        segment.p_type(endian) == elf::PT_LOAD && flags.contains(elf::PF_W) && flags.contains(elf::PF_X)
    });
    ensure(!both, || "it has a segment that can be written to and executed".to_owned())?;
    let relocations = dynamic(&data)?.into_iter().any(|(tag, value)| {
        tag == elf::DT_TEXTREL || (tag == elf::DT_FLAGS && elf::DynamicFlags(value).contains(elf::DF_TEXTREL))
    });
    ensure(!relocations, || "it has relocations in its code (DT_TEXTREL); compile with -fPIC".to_owned())?;
    HOLDS
}

pub(crate) async fn constructors(bench: &Bench) -> Verdict {
    let mut probe = Probe::start(bench.program(), &bench.library)?;
    let before = snapshot(&mut probe).await?;
    load(&mut probe).await.map_err(|_| skipped("the library cannot be loaded; see library.loads"))?;
    let after = snapshot(&mut probe).await?;
    let mut changed = changes(&before, &after);
    if after.threads > before.threads {
        changed.push(format!("{} threads were started", after.threads - before.threads));
    }
    let printed = probe.standard_output().await;
    if !printed.is_empty() {
        changed.push(format!("{} octets were printed to standard output", printed.len()));
    }
    ensure(changed.is_empty(), || format!("loading it alone changed the process: {}", changed.join("; ")))?;
    HOLDS
}

/// The libraries that a library needs.
pub(super) fn needed(library: &Library) -> Result<Vec<String>, Stop> {
    let data = read_library(library)?;
    let texts = dynamic_texts(&data)?;
    Ok(texts_of(&texts, elf::DT_NEEDED).into_iter().map(str::to_owned).collect())
}

fn read(bench: &Bench) -> Result<Vec<u8>, Stop> {
    read_library(&bench.library)
}

fn read_library(library: &Library) -> Result<Vec<u8>, Stop> {
    // The very bytes that are loaded, not what is at the path now.
    Ok(fs::read(format!("/proc/self/fd/{}", library.as_fd().as_raw_fd()))?)
}

fn parse(data: &[u8]) -> Result<Elf<'_>, Stop> {
    Elf::parse(data).map_err(|error| no_elf(&error))
}

fn no_elf(error: &object::Error) -> Stop {
    failed(format!("it is no 64-bit ELF file: {error}"))
}

fn dynamic(data: &[u8]) -> Result<Vec<(elf::DynamicTag, u64)>, Stop> {
    let header = elf::FileHeader64::<Endianness>::parse(data).map_err(|error| no_elf(&error))?;
    let endian = header.endian().map_err(|error| no_elf(&error))?;
    let sections = header.sections(endian, data).map_err(|error| no_elf(&error))?;
    let entries = sections.dynamic(endian, data).map_err(|error| no_elf(&error))?;
    let entries = entries.map(|(entries, _)| entries).unwrap_or_default();
    Ok(entries.iter().map(|entry| (entry.d_tag(endian), entry.d_val(endian))).collect())
}

fn dynamic_texts(data: &[u8]) -> Result<Vec<DynamicText>, Stop> {
    let header = elf::FileHeader64::<Endianness>::parse(data).map_err(|error| no_elf(&error))?;
    let endian = header.endian().map_err(|error| no_elf(&error))?;
    let sections = header.sections(endian, data).map_err(|error| no_elf(&error))?;
    let Some((entries, index)) = sections.dynamic(endian, data).map_err(|error| no_elf(&error))? else {
        return Err(failed("it has no dynamic section: it is no shared library"));
    };
    let strings = sections.strings(endian, data, index).map_err(|error| no_elf(&error))?;
    let texts = entries.iter().filter(|entry| entry.is_string(endian)).map(|entry| {
        let text = entry.string(endian, strings).map_err(|error| no_elf(&error))?;
        Ok(DynamicText { tag: entry.d_tag(endian), text: String::from_utf8_lossy(text).into_owned() })
    });
    texts.collect()
}

fn texts_of(texts: &[DynamicText], tag: elf::DynamicTag) -> Vec<&str> {
    texts.iter().filter(|entry| entry.tag == tag).map(|entry| entry.text.as_str()).collect()
}

fn others_may_write(folder: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    folder.permissions().mode() & 0o002 != 0
}

fn some_of(names: &[&str]) -> String {
    let shown = names.iter().take(5).copied().collect::<Vec<_>>().join(", ");
    if names.len() > 5 { format!("{shown}, ...") } else { shown }
}
