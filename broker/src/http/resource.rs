//! What is offered at one path, with which methods: every other method is answered with the list of them (RFC 9110 sections
//! 10.2.1 and 15.5.6).

use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::http::Method;
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, web};

use super::problem::{ApiError, Kind};

/// One path.
pub struct Offered {
    resource: Resource,
    methods: Vec<Method>,
}

/// Nothing yet at `path`.
pub fn resource(path: &str) -> Offered {
    Offered { resource: web::resource(path), methods: Vec::new() }
}

impl Offered {
    /// What GET does.
    pub fn get<F, A>(self, handler: F) -> Self
    where
        F: Handler<A>,
        A: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.method(Method::GET, handler)
    }

    /// What POST does.
    pub fn post<F, A>(self, handler: F) -> Self
    where
        F: Handler<A>,
        A: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.method(Method::POST, handler)
    }

    /// What PUT does.
    pub fn put<F, A>(self, handler: F) -> Self
    where
        F: Handler<A>,
        A: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.method(Method::PUT, handler)
    }

    /// What DELETE does.
    pub fn delete<F, A>(self, handler: F) -> Self
    where
        F: Handler<A>,
        A: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.method(Method::DELETE, handler)
    }

    /// Data for the handlers, like limits of their bodies.
    pub fn app_data<U: 'static>(self, data: U) -> Self {
        Self { resource: self.resource.app_data(data), ..self }
    }

    fn method<F, A>(mut self, method: Method, handler: F) -> Self
    where
        F: Handler<A>,
        A: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.methods.push(method.clone());
        Self { resource: self.resource.route(web::method(method).to(handler)), ..self }
    }
}

impl HttpServiceFactory for Offered {
    fn register(self, config: &mut AppService) {
        let allowed = self.methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        let wrong_method = web::to(move |request: HttpRequest| {
            let error = wrong_method(&request, &allowed);
            async move { Err::<HttpResponse, ApiError>(error) }
        });
        self.resource.default_service(wrong_method).register(config);
    }
}

fn wrong_method(request: &HttpRequest, allowed: &str) -> ApiError {
    let detail = format!("{} is not offered at {}: {allowed} is", request.method(), request.path());
    ApiError::new(Kind::MethodNotAllowed, detail).allowing(allowed)
}
