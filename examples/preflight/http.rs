//! One http request, and the status of its answer.

use httparse::Response;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::TcpStream;

use super::problem::Problem;
use super::target::Target;

/// How much of an answer is read: its status has to come within it. In bytes.
pub(crate) const ANSWER_MAX: usize = 8 << 10;

/// Asks for the path and reads the status of the answer, no more. A status of 2xx or 3xx is fine;
/// redirects are not followed.
pub(crate) async fn get(
    stream: &mut TcpStream,
    target: &Target,
    path: &str,
) -> Result<String, Problem> {
    let broken = |source| Problem::Broken { source };
    let host = match target.port {
        80 => target.host.to_string(),
        port => format!("{}:{port}", target.host),
    };
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: preflight\r\nConnection: close\r\n\r\n"
    );
    let sent = stream.write_all(request.as_bytes()).await.map_err(broken);

    let mut answer = vec![0; ANSWER_MAX];
    let mut filled = 0;
    loop {
        let read = stream.read(&mut answer[filled..]).await.map_err(broken)?;
        filled += read;
        if let Some((code, text)) = status(&answer[..filled])? {
            return if matches!(code, 200..=399) { Ok(text) } else { Err(Problem::Status(text)) };
        }
        match (filled, read) {
            // A server may answer and leave before it has read the request: only where it did not
            // answer is it of interest that this could not be sent.
            (0, _) => return sent.and(Err(Problem::NoAnswer)),
            (ANSWER_MAX, _) => return Err(Problem::LongAnswer),
            (_, 0) => return Err(Problem::HalfAnswer),
            _ => {}
        }
    }
}

/// The status and how it reads, `200 OK`, once its line is whole. What follows the line may be
/// anything: it was not asked for.
fn status(mut answer: &[u8]) -> Result<Option<(u16, String)>, Problem> {
    loop {
        // As old servers put before the answer.
        let blank = answer.iter().take_while(|byte| b"\r\n".contains(byte)).count();
        answer = &answer[blank..];
        let line = answer.split_inclusive(|&byte| byte == b'\n').next().unwrap_or_default();
        let whole = line.ends_with(b"\n");
        // An answer without headers: the parser wants to see its end.
        let head = [line, if whole { b"\r\n" } else { b"" }].concat();
        let mut response = Response::new(&mut []);
        let parsed = response.parse(&head).map_err(|source| Problem::Garbage { source })?;
        match response.code {
            // More is to come after an interim answer. But one that switches protocols is the last.
            Some(100 | 102..=199) if whole => match end_of_head(answer) {
                Some(end) => answer = &answer[end..],
                None => return Ok(None),
            },
            Some(code) if parsed.is_complete() => {
                let reason = response.reason.unwrap_or_default();
                return Ok(Some((code, format!("{code} {reason}").trim_end().to_owned())));
            }
            _ => return Ok(None),
        }
    }
}

/// Where the blank line after the headers ends.
fn end_of_head(answer: &[u8]) -> Option<usize> {
    let ends = [b"\n\r\n".as_slice(), b"\n\n"].map(|blank| {
        let found = answer.windows(blank.len()).position(|bytes| bytes == blank);
        found.map(|at| at + blank.len())
    });
    ends.into_iter().flatten().min()
}
