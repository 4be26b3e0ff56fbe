//! One http request, and the status of its answer.

use httparse::{EMPTY_HEADER, Error, Response, Status};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::TcpStream;

use super::problem::Problem;
use super::target::Target;

/// How much of an answer is read: its head has to end within it. In bytes.
pub(crate) const HEAD_MAX: usize = 8 << 10;

/// Asks for the path and reads the head of the answer, no more. A status of 2xx or 3xx is fine;
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
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(broken)?;

    let mut head = vec![0; HEAD_MAX];
    let mut filled = 0;
    loop {
        let read = stream.read(&mut head[filled..]).await.map_err(broken)?;
        filled += read;
        if let Some((code, text)) = status(&head[..filled])? {
            return if matches!(code, 200..=399) { Ok(text) } else { Err(Problem::Status(text)) };
        }
        match (filled, read) {
            (0, _) => return Err(Problem::NoAnswer),
            (HEAD_MAX, _) => return Err(Problem::LongAnswer),
            (_, 0) => return Err(Problem::HalfAnswer),
            _ => {}
        }
    }
}

/// The status and how it reads, `200 OK`, once the head is whole.
fn status(head: &[u8]) -> Result<Option<(u16, String)>, Problem> {
    let mut headers = [EMPTY_HEADER; 100];
    let mut response = Response::new(&mut headers);
    match response.parse(head) {
        Ok(Status::Partial) => Ok(None),
        Ok(Status::Complete(_)) => Ok(response.code.map(|code| {
            let reason = response.reason.unwrap_or_default();
            (code, format!("{code} {reason}").trim_end().to_owned())
        })),
        Err(Error::TooManyHeaders) => Err(Problem::LongAnswer),
        Err(source) => Err(Problem::Garbage { source }),
    }
}
