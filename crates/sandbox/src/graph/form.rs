//! A file in a form: how WhatsApp's and Messenger's uploads come.

use std::collections::HashMap;

use axum::body::Bytes;
use axum::extract::{FromRequest, Multipart, Request};

/// The text fields of a form, and its file.
#[derive(Default)]
pub(crate) struct UploadForm {
    pub(crate) fields: HashMap<String, String>,
    pub(crate) file: Option<UploadedFile>,
}

pub(crate) struct UploadedFile {
    pub(crate) name: String,
    /// What the form's part calls it; the bytes tell what it is.
    pub(crate) content_type: Option<String>,
    pub(crate) bytes: Bytes,
}

impl UploadForm {
    /// Reads the form; the file is in the field called `file_field`. The error says what is wrong.
    pub(crate) async fn read(request: Request, file_field: &str) -> Result<Self, &'static str> {
        let mut multipart = Multipart::from_request(request, &())
            .await
            .map_err(|_| "The request is not multipart/form-data.")?;
        let mut form = Self::default();
        loop {
            let field = multipart
                .next_field()
                .await
                .map_err(|_| "The form cannot be read.")?;
            let Some(field) = field else {
                return Ok(form);
            };
            let name = field.name().unwrap_or("").to_owned();
            let file_name = field.file_name().map(str::to_owned);
            let content_type = field.content_type().map(str::to_owned);
            let bytes = field
                .bytes()
                .await
                .map_err(|_| "The form cannot be read.")?;
            if name == file_field {
                form.file = Some(UploadedFile {
                    name: file_name.unwrap_or_default(),
                    content_type,
                    bytes,
                });
            } else {
                let value = String::from_utf8_lossy(&bytes).into_owned();
                form.fields.insert(name, value);
            }
        }
    }
}
